// SPDX-License-Identifier: Apache-2.0
// Who may begin: by what is free, by what was promised, and by what idle data sets give up.
#include "server/devices/memory_admission.h"

#include <gmock/gmock.h>

#include <map>

#include "server/devices/memory_shortage.h"

namespace cvxnn::server {
namespace {

using testing::HasSubstr;

// A machine of 1000 bytes and a GPU of 500, with data sets "a", "b" and "c" of 100 bytes each.
class MemoryAdmissionTest : public testing::Test {
 protected:
  static v1::MemoryEstimate Need(std::int64_t host, std::int64_t device = 0, std::int64_t dataset = 100) {
    v1::MemoryEstimate need;
    need.set_host_bytes(host);
    need.set_device_bytes(device);
    need.set_dataset_bytes(dataset);
    return need;
  }
  static data::Dataset OneHundredBytes() {
    data::Dataset dataset;
    dataset.train.features = data::Matrix(data::ElementType::kFloat32, 5, 4);
    dataset.train.targets = data::Matrix(data::ElementType::kFloat32, 5, 1);
    return dataset;
  }
  void ExpectShort(const absl::Status& status, const std::string& device, std::int64_t needed, std::int64_t free) {
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    const auto shortage = ShortageOf(status);
    ASSERT_TRUE(shortage.has_value()) << status;
    EXPECT_EQ(shortage->device(), device);
    EXPECT_EQ(shortage->needed_bytes(), needed);
    EXPECT_EQ(shortage->free_bytes(), free);
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::to_string(needed) + " bytes of memory on " + device));
  }

  std::int64_t used_ = 0;  // of the host, by others than data sets
  ResidentDatasets resident_{
      {[](const std::string& name) { return absl::StatusOr<std::string>(name); },
       [](const std::string&, const std::string&) { return absl::StatusOr<data::Dataset>(OneHundredBytes()); }},
      1000};
  MemoryAdmission admission_{&resident_, [this] {
                               return std::vector<DeviceInfo>{
                                   {"cpu", "", 1000, 1000 - used_ - resident_.resident_bytes()},
                                   {"cuda:0", "", 500, 400},
                                   {"cuda:1", "", 0, 0}};
                             }};
};

TEST_F(MemoryAdmissionTest, RefusesWhatCouldNeverBegin) {
  EXPECT_TRUE(admission_.CheckPossible(Need(900), "cpu").ok());
  ExpectShort(admission_.CheckPossible(Need(901), "cpu"), "cpu", 1001, 1000);
  EXPECT_TRUE(admission_.CheckPossible(Need(0, 500), "cuda:0").ok());
  ExpectShort(admission_.CheckPossible(Need(0, 501), "cuda:0"), "cuda:0", 501, 500);
  EXPECT_TRUE(admission_.CheckPossible(Need(0, std::numeric_limits<std::int64_t>::max()), "cuda:1").ok());
  ExpectShort(admission_.CheckPossible(Need(std::numeric_limits<std::int64_t>::max()), "cpu"), "cpu",
              std::numeric_limits<std::int64_t>::max(), 1000);
}

TEST_F(MemoryAdmissionTest, CountsTheDataSetUnlessItIsResident) {
  used_ = 500;
  ExpectShort(admission_.Admit(Need(450), "cpu", "a").status(), "cpu", 550, 500);
  ASSERT_TRUE(resident_.Get("a").ok());
  used_ = 400;
  EXPECT_TRUE(admission_.Admit(Need(500), "cpu", "a").ok());
  ExpectShort(admission_.Admit(Need(501), "cpu", "a").status(), "cpu", 501, 500);
}

TEST_F(MemoryAdmissionTest, LooksAtTheDeviceToo) {
  EXPECT_TRUE(admission_.Admit(Need(10, 400), "cuda:0", "a").ok());
  ExpectShort(admission_.Admit(Need(10, 401), "cuda:0", "a").status(), "cuda:0", 401, 400);
  ExpectShort(admission_.Admit(Need(950, 1), "cuda:0", "a").status(), "cpu", 1050, 1000);
  EXPECT_TRUE(admission_.Admit(Need(0, 1 << 30), "cuda:1", "a").ok()) << "its size is not known";
}

TEST_F(MemoryAdmissionTest, KeepsPromisesUntilTheyEnd) {
  auto first = admission_.Admit(Need(500), "cpu", "a");
  ASSERT_TRUE(first.ok()) << first.status();
  // Nothing of it is taken yet, and it is not there for others.
  ExpectShort(admission_.Admit(Need(400), "cpu", "a").status(), "cpu", 500, 400);
  {
    const MemoryAdmission::Ticket moved = *std::move(first);
    EXPECT_FALSE(admission_.Admit(Need(400), "cpu", "a").ok());
  }
  EXPECT_TRUE(admission_.Admit(Need(400), "cpu", "a").ok());
}

TEST_F(MemoryAdmissionTest, LetsIdleDataSetsMakeRoom) {
  const auto held = resident_.Get("a");
  for (const char* name : {"b", "c"}) ASSERT_TRUE(resident_.Get(name).ok());
  used_ = 500;
  // 200 are free; "b" was used before "c", "a" is in use.
  EXPECT_TRUE(admission_.Admit(Need(300), "cpu", "c").ok());
  EXPECT_TRUE(resident_.Holds("a"));
  EXPECT_FALSE(resident_.Holds("b"));
  EXPECT_TRUE(resident_.Holds("c"));
  ExpectShort(admission_.Admit(Need(301), "cpu", "c").status(), "cpu", 301, 300);
  EXPECT_TRUE(resident_.Holds("c")) << "the job's own data set stays";
}

TEST(MemoryShortage, IsReadBack) {
  EXPECT_FALSE(ShortageOf(absl::ResourceExhaustedError("the job needs 5 bytes")).has_value());
  absl::Status other = absl::ResourceExhaustedError("");
  other.SetPayload(kErrorInfoUrl, absl::Cord("\xff"));
  EXPECT_FALSE(ShortageOf(other).has_value());
}

}  // namespace
}  // namespace cvxnn::server

// SPDX-License-Identifier: Apache-2.0
// NPZ archives through libzip; see npz_reader.h.
#include "core/data/npz_reader.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <zip.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/data/byte_source.h"
#include "core/data/npy_reader.h"

namespace cvxnn::data {
namespace {

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;

// Deflate cannot expand by more; see byte_source.cc.
constexpr std::uint64_t kMaxInflation = 1040;
// Sizes above this are lies; it keeps the arithmetic below from wrapping around.
constexpr std::uint64_t kMaxMemberBytes = std::uint64_t{1} << 50;

// One member of an archive. libzip checks its CRC-32 when the end is read.
class Member final : public ByteSource {
 public:
  Member(std::string name, zip_file_t* file, std::int64_t max_size)
      : ByteSource(std::move(name)), file_(file), max_size_(max_size) {}
  ~Member() override { zip_fclose(file_); }

  absl::StatusOr<std::size_t> Read(void* buffer, std::size_t count) override {
    std::size_t done = 0;
    while (done < count) {
      const zip_int64_t got = zip_fread(file_, static_cast<char*>(buffer) + done, count - done);
      if (got < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(name(), ": damaged: ", zip_error_strerror(zip_file_get_error(file_))));
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  std::int64_t max_size() const override { return max_size_; }

 private:
  zip_file_t* file_;
  std::int64_t max_size_;
};

absl::StatusOr<Archive> OpenArchive(const std::string& path) {
  // Gives the same errors for a missing or odd file as every other reader.
  if (absl::Status status = OpenFile(path).status(); !status.ok()) return status;
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive != nullptr) return Archive(archive);
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  absl::Status status =
      absl::InvalidArgumentError(absl::StrCat(BaseName(path), ": is not an NPZ archive: ", zip_error_strerror(&error)));
  zip_error_fini(&error);
  return status;
}

// Names of the arrays: members that end in .npy, without it.
std::vector<std::string> ArrayNames(zip_t* archive) {
  std::vector<std::string> names;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    const char* name = zip_get_name(archive, static_cast<zip_uint64_t>(i), 0);
    if (name != nullptr && absl::EndsWith(name, ".npy")) names.emplace_back(name, std::string(name).size() - 4);
  }
  return names;
}

absl::StatusOr<NpyArray> ReadMember(zip_t* archive, const std::string& shown, const std::string& array,
                                    std::int64_t max_bytes) {
  const std::string member = absl::StrCat(array, ".npy");
  const std::string name = absl::StrCat(shown, ": array \"", array, "\"");
  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat(archive, member.c_str(), 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", zip_strerror(archive)));
  }
  const bool deflated = stat.comp_method == ZIP_CM_DEFLATE;
  if (!deflated && stat.comp_method != ZIP_CM_STORE) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": compression method ", stat.comp_method, ": must be stored or deflated"));
  }
  if (stat.comp_size > kMaxMemberBytes || stat.size > stat.comp_size * (deflated ? kMaxInflation : 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": the archive promises ", stat.size, " bytes out of ", stat.comp_size));
  }
  zip_file_t* file = zip_fopen(archive, member.c_str(), 0);
  if (file == nullptr) return absl::InvalidArgumentError(absl::StrCat(name, ": ", zip_strerror(archive)));
  Member source(name, file, static_cast<std::int64_t>(stat.size));
  return ReadNpyArray(source, max_bytes);
}

// The array asked for, or the first usual name that is there; empty when nothing was asked for and none is.
absl::StatusOr<std::string> ChooseArray(const std::vector<std::string>& present, const std::string& wanted,
                                        const std::vector<std::string>& usual, const std::string& field) {
  const auto has = [&](const std::string& name) {
    return std::find(present.begin(), present.end(), name) != present.end();
  };
  if (!wanted.empty()) {
    if (has(wanted)) return wanted;
    return absl::InvalidArgumentError(
        absl::StrCat(field, " = \"", wanted, "\": must be one of \"", absl::StrJoin(present, "\", \""), "\""));
  }
  const auto found = std::find_if(usual.begin(), usual.end(), has);
  return found == usual.end() ? std::string() : *found;
}

}  // namespace

absl::StatusOr<Dataset> ReadNpz(const std::string& path, const NpzArrays& wanted, TargetKind targets,
                                const ReadLimits& limits) {
  const absl::StatusOr<Archive> archive = OpenArchive(path);
  if (!archive.ok()) return archive.status();
  const std::string shown = BaseName(path);
  const std::vector<std::string> present = ArrayNames(archive->get());
  if (present.empty()) return absl::InvalidArgumentError(absl::StrCat(shown, ": the archive holds no .npy array"));

  struct Role {
    const char* field;
    const std::string& wanted;
    std::vector<std::string> usual;
  };
  const Role roles[4] = {
      {"npz.train_features", wanted.train_features, {"x_train", "X_train", "X", "x", "features", "data"}},
      {"npz.train_targets", wanted.train_targets, {"y_train", "Y_train", "y", "Y", "targets", "target", "labels"}},
      {"npz.test_features", wanted.test_features, {"x_test", "X_test"}},
      {"npz.test_targets", wanted.test_targets, {"y_test", "Y_test"}}};
  std::int64_t budget = limits.max_bytes;
  NpyArray arrays[4];
  for (int i = 0; i < 4; ++i) {
    const absl::StatusOr<std::string> name = ChooseArray(present, roles[i].wanted, roles[i].usual, roles[i].field);
    if (!name.ok()) return absl::InvalidArgumentError(absl::StrCat(shown, ": ", name.status().message()));
    if (name->empty()) {
      if (i >= 2) continue;
      return absl::InvalidArgumentError(absl::StrCat(shown, ": ", roles[i].field,
                                                     " is not set and no usual name is there: must be one of \"",
                                                     absl::StrJoin(present, "\", \""), "\""));
    }
    absl::StatusOr<NpyArray> array = ReadMember(archive->get(), shown, *name, budget);
    if (!array.ok()) return array.status();
    budget -= array->values.bytes();
    arrays[i] = *std::move(array);
  }
  absl::StatusOr<Dataset> dataset = DatasetFromArrays(std::move(arrays[0]), std::move(arrays[1]), std::move(arrays[2]),
                                                      std::move(arrays[3]), targets, budget);
  if (!dataset.ok()) {
    return absl::Status(dataset.status().code(), absl::StrCat(shown, ": ", dataset.status().message()));
  }
  dataset->description.source = absl::StrCat("npz ", shown);
  return dataset;
}

}  // namespace cvxnn::data

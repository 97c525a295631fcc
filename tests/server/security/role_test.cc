// SPDX-License-Identifier: Apache-2.0
#include "server/security/role.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "cvxnn/v1/dataset_service.pb.h"
#include "cvxnn/v1/job_service.pb.h"
#include "cvxnn/v1/model_service.pb.h"
#include "cvxnn/v1/server_service.pb.h"

namespace cvxnn::server {
namespace {

TEST(Role, HasANameThatIsReadBack) {
  for (const Role role : {Role::kReader, Role::kSubmitter, Role::kAdmin}) EXPECT_EQ(RoleNamed(Name(role)), role);
  EXPECT_FALSE(RoleNamed("root").has_value());
  EXPECT_FALSE(RoleNamed("").has_value());
}

// A new RPC has to be written down here: whether it changes anything is decided by people.
TEST(RequiredRole, IsThatOfASubmitterForEveryCallThatChangesSomething) {
  const std::map<std::string, Role> expected = {
      {"CreateDataset", Role::kSubmitter}, {"GenerateDataset", Role::kSubmitter}, {"ImportDataset", Role::kSubmitter},
      {"DeleteDataset", Role::kSubmitter}, {"GetDataset", Role::kReader},         {"ListDatasets", Role::kReader},
      {"CreateJob", Role::kSubmitter},     {"CancelJob", Role::kSubmitter},       {"DeleteJob", Role::kSubmitter},
      {"PauseJob", Role::kSubmitter},      {"ResumeJob", Role::kSubmitter},       {"GetJob", Role::kReader},
      {"ListJobs", Role::kReader},         {"WatchJob", Role::kReader},           {"WatchJobs", Role::kReader},
      {"GetModel", Role::kReader},         {"ListModels", Role::kReader},         {"DownloadModel", Role::kReader},
      {"Predict", Role::kReader},          {"Evaluate", Role::kReader},           {"PruneModel", Role::kSubmitter},
      {"CheckOptimality", Role::kReader},  {"DecomposeModel", Role::kSubmitter},  {"GetServerInfo", Role::kReader},
      {"GetUpload", Role::kReader}};
  for (const google::protobuf::FileDescriptor* file :
       {v1::CreateDatasetRequest::descriptor()->file(), v1::CreateJobRequest::descriptor()->file(),
        v1::GetModelRequest::descriptor()->file(), v1::GetServerInfoRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const std::string name = file->service(s)->method(m)->name();
        ASSERT_TRUE(expected.contains(name)) << name;
        EXPECT_EQ(RequiredRole("/" + file->service(s)->full_name() + "/" + name), expected.at(name)) << name;
      }
    }
  }
}

TEST(RequiredRole, OfStandardServices) {
  EXPECT_FALSE(RequiredRole("/grpc.health.v1.Health/Check").has_value());
  EXPECT_EQ(RequiredRole("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"), Role::kReader);
  EXPECT_EQ(RequiredRole("/grpc.channelz.v1.Channelz/GetServers"), Role::kAdmin);
  EXPECT_EQ(RequiredRole("/unknown.Service/Get"), Role::kAdmin);
  EXPECT_EQ(RequiredRole(""), Role::kAdmin);
}

}  // namespace
}  // namespace cvxnn::server

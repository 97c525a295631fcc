// SPDX-License-Identifier: Apache-2.0
// Job files: what is read is the same after a way through the command's JSON.
#include "client/cpp/command/job_file.h"

#include "client/cpp/command/message_json.h"
#include "tests/fuzz/fuzz_target.h"

CVXNN_FUZZ_TARGET(job_file) {
  using namespace cvxnn;
  const auto job = command::ParseJob(std::string(input), "job.yaml");
  if (!job.ok()) {
    fuzz::Promise(job.status().message().rfind("job.yaml:", 0) == 0, "a refusal names the file");
    return;
  }
  const std::string json = command::JsonLine(command::MessageToJson(*job));
  const auto again = command::ParseJob(json, "again.json");
  // Text that is no UTF-8 is shown with a mark in its place.
  if (json.find("\xEF\xBF\xBD") != std::string::npos) return;
  fuzz::Promise(again.ok(), "what `job describe` prints is a job file");
  fuzz::Promise(command::JsonLine(command::MessageToJson(*again)) == json, "of the same job");
}

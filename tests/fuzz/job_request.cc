// SPDX-License-Identifier: Apache-2.0
// CreateJobRequest: checked and translated; a spec that passes says the same after a way through the contract.
#include "server/api/job_request.h"

#include "core/data/generate.h"
#include "core/training/train.h"
#include "cvxnn/v1/job_service.pb.h"
#include "server/translate/dataset_description.h"
#include "server/translate/job_spec.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/message_input.h"

CVXNN_MUTATE_AS(job_request, cvxnn::v1::CreateJobRequest);

CVXNN_FUZZ_TARGET(job_request) {
  using namespace cvxnn;
  static const data::Dataset dataset = *data::Generate({.generator = data::GaussianGenerator{}, .test_rows = 10});
  v1::CreateJobRequest request;
  if (!fuzz::ParseMessage(input, &request)) return;
  server::Violations violations;
  server::CheckCreateJobRequest(request, &violations);
  (void)violations.ToStatus();
  const auto spec = server::SpecFromProto(request.job().spec());
  if (!spec.ok()) {
    fuzz::Promise(!spec.status().message().empty(), "a refusal says why");
    return;
  }
  const v1::JobSpec written = server::SpecToProto(*spec, request.job().spec().dataset());
  const auto again = server::SpecFromProto(written);
  fuzz::Promise(again.ok(), "a spec written out is a spec");
  const v1::JobSpec twice = server::SpecToProto(*again, request.job().spec().dataset());
  fuzz::Promise(twice.SerializeAsString() == written.SerializeAsString(), "and says the same");
  server::Violations unfit;
  server::CheckSpecFits(*spec, server::DatasetToProto(dataset), &unfit);
  (void)unfit.ToStatus();
  (void)training::Validate(*spec, dataset);
}

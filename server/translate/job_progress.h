// SPDX-License-Identifier: Apache-2.0
// What training reports, each epoch and at the end, in the contract's messages.
#pragma once

#include <string>
#include <vector>

#include "core/training/metrics.h"
#include "core/training/train.h"
#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/model.pb.h"

namespace cvxnn::server {

/// Absent stays absent.
v1::EpochMetrics MetricsToProto(const training::EpochMetrics& metrics);
training::EpochMetrics MetricsFromProto(const v1::EpochMetrics& metrics);

v1::Termination TerminationToProto(training::Termination termination);

v1::TrialSetting SettingToProto(const training::TrialSetting& setting);

/// The result of a job whose networks are stored as `models` ("models/{model}", in the order of result.models; empty
/// for one that is not kept).
v1::JobResult ResultToProto(const training::Result& result, const std::vector<std::string>& models);

/// Metadata of one trained network: everything but the names of job, data set, model, the data set's task and classes,
/// size and time, and whether it is a snapshot.
v1::Model ModelToProto(const Network& network, const training::EpochMetrics& metrics);

}  // namespace cvxnn::server

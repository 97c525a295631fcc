// SPDX-License-Identifier: Apache-2.0
// GenerateDatasetRequest as core's GeneratorSpec.
#pragma once

#include "core/data/generate.h"
#include "cvxnn/v1/dataset_service.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

/// Generator, test rows and seed with defaults filled in; what is wrong is recorded. Transforms are translated apart.
data::GeneratorSpec GeneratorFromProto(const v1::GenerateDatasetRequest& request, Violations* violations);

/// An upper bound on the bytes of what `spec` makes; saturates instead of overflowing.
double GeneratedBytes(const data::GeneratorSpec& spec);

/// An upper bound on the bytes that making it takes: also those of centres and of the planted network, twice; likewise.
double GeneratingBytes(const data::GeneratorSpec& spec);

}  // namespace cvxnn::server

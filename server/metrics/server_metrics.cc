// SPDX-License-Identifier: Apache-2.0
// See server_metrics.h.
#include "server/metrics/server_metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <iterator>
#include <vector>

namespace cvxnn::server {

std::string ServerMetrics::Text() const {
  std::vector<prometheus::MetricFamily> families = rpcs_.Collect();
  if (state_ != nullptr) {
    std::vector<prometheus::MetricFamily> state = state_->Collect();
    families.insert(families.end(), std::make_move_iterator(state.begin()), std::make_move_iterator(state.end()));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace cvxnn::server

// SPDX-License-Identifier: Apache-2.0
// All metrics of a server in Prometheus' text format.
#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "server/metrics/state_metrics.h"

namespace cvxnn::server {

/// The content type that Text() is of.
inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

/// Thread-safe.
class ServerMetrics {
 public:
  /// Where RPCs are counted (rpc_metrics.h).
  prometheus::Registry* rpcs() { return &rpcs_; }
  /// Once, before Text is first called; what the sources point to outlives this.
  void AddState(StateMetrics::Sources sources) { state_ = std::make_unique<StateMetrics>(std::move(sources)); }
  std::string Text() const;

 private:
  prometheus::Registry rpcs_;
  std::unique_ptr<StateMetrics> state_;
};

}  // namespace cvxnn::server

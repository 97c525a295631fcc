// SPDX-License-Identifier: Apache-2.0
// See state_metrics.h.
#include "server/metrics/state_metrics.h"

#include <absl/strings/ascii.h>
#include <absl/strings/strip.h>
#include <prometheus/metric_family.h>

#include <utility>

#include "server/store/totals.h"

namespace cvxnn::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// A value, and its one label where the name of the label is not empty.
ClientMetric Sample(MetricType type, double value, const std::string& label = "", const std::string& text = "") {
  ClientMetric sample;
  (type == MetricType::Counter ? sample.counter.value : sample.gauge.value) = value;
  if (!label.empty()) sample.label.push_back({label, text});
  return sample;
}

MetricFamily Metric(const char* name, const char* help, MetricType type, std::vector<ClientMetric> samples) {
  return {name, help, type, std::move(samples)};
}

MetricFamily Gauge(const char* name, const char* help, double value) {
  return Metric(name, help, MetricType::Gauge, {Sample(MetricType::Gauge, value)});
}

// JOB_STATE_RUNNING as "running".
std::string StateText(v1::JobState state) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::JobState_Name(state), "JOB_STATE_"));
}

}  // namespace

std::vector<MetricFamily> StateMetrics::Collect() const {
  std::vector<MetricFamily> families;
  families.push_back(Metric("cvxnn_build_info", "1, with the version of the server.", MetricType::Gauge,
                            {Sample(MetricType::Gauge, 1, "version", sources_.version)}));
  families.push_back(Gauge("cvxnn_start_time_seconds", "When the server started, in seconds since 1970.",
                           absl::ToDoubleSeconds(sources_.start_time - absl::UnixEpoch())));
  families.push_back(Metric("cvxnn_epochs_total", "Epochs of all jobs that were recorded since the server started.",
                            MetricType::Counter,
                            {Sample(MetricType::Counter, static_cast<double>(sources_.log->epochs_committed()))}));
  families.push_back(Gauge("cvxnn_unwritten_jobs",
                           "Jobs whose epochs or changes of state cannot be written just now: a full disk, say.",
                           static_cast<double>(sources_.log->unwritten())));
  if (const auto totals = ReadTotals(*sources_.database); totals.ok()) {
    std::vector<ClientMetric> jobs;
    for (int state = v1::JobState_MIN; state <= v1::JobState_MAX; ++state) {
      if (!v1::JobState_IsValid(state) || state == v1::JOB_STATE_UNSPECIFIED) continue;
      const auto found = totals->jobs.find(static_cast<v1::JobState>(state));
      jobs.push_back(Sample(MetricType::Gauge, found == totals->jobs.end() ? 0 : static_cast<double>(found->second),
                            "state", StateText(static_cast<v1::JobState>(state))));
    }
    families.push_back(Metric("cvxnn_jobs", "Jobs by state; those queued are the queue.", MetricType::Gauge, jobs));
    families.push_back(
        Metric("cvxnn_stored_bytes", "Bytes of arrays and weights on disk.", MetricType::Gauge,
               {Sample(MetricType::Gauge, static_cast<double>(totals->dataset_bytes), "kind", "datasets"),
                Sample(MetricType::Gauge, static_cast<double>(totals->model_bytes), "kind", "models")}));
  }
  families.push_back(Gauge("cvxnn_disk_free_bytes", "Bytes that may still be written below the data directory.",
                           static_cast<double>(sources_.models->FreeBytes())));
  families.push_back(Gauge("cvxnn_resident_dataset_bytes", "Bytes of data sets that wait in memory for the next job.",
                           static_cast<double>(sources_.resident->resident_bytes())));
  std::vector<ClientMetric> total, free;
  for (const v1::Device& device : sources_.devices->Describe()) {
    total.push_back(Sample(MetricType::Gauge, static_cast<double>(device.total_bytes()), "device", device.name()));
    free.push_back(Sample(MetricType::Gauge, static_cast<double>(device.free_bytes()), "device", device.name()));
  }
  families.push_back(Metric("cvxnn_device_memory_total_bytes",
                            "Memory of each device; of the CPU what this process may use.", MetricType::Gauge, total));
  families.push_back(
      Metric("cvxnn_device_memory_free_bytes", "Memory of each device that is free.", MetricType::Gauge, free));
  return families;
}

}  // namespace cvxnn::server

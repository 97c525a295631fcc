// SPDX-License-Identifier: Apache-2.0
// Download of the first-layer weights of a wide network, dropped as they arrive like the bare stream's bytes.
#include <absl/strings/str_format.h>

#include <ostream>
#include <streambuf>
#include <vector>

#include "bench/byte_stream.h"
#include "bench/measure.h"
#include "bench/must.h"
#include "bench/setup.h"
#include "bench/watched_job.h"

namespace cvxnn::bench {
namespace {

constexpr std::int64_t kInputs = 3072;
constexpr std::int64_t kNeurons = 10'000;
constexpr std::int64_t kChunkBytes = std::int64_t{1} << 20;  // what the server sends
constexpr int kRounds = 7;
constexpr double kGoal = 0.6;

class Dropped final : public std::streambuf {
  std::streamsize xsputn(const char*, std::streamsize size) override { return size; }
  int overflow(int byte) override { return byte; }
};

std::string TrainWideNetwork(const client::Client& client) {
  v1::GenerateDatasetRequest request;
  request.mutable_gaussian()->set_rows(16);
  request.mutable_gaussian()->set_cols(kInputs);
  request.mutable_gaussian()->set_label_rule(v1::LABEL_RULE_SIGN);
  v1::JobSpec spec;
  spec.set_dataset(Must(client.GenerateDataset(request)).name());
  spec.set_beta(1e-3);
  spec.set_precision(v1::PRECISION_FLOAT32);
  spec.mutable_stopping()->set_max_epochs(1);
  spec.mutable_descent()->set_neurons(kNeurons);
  spec.mutable_descent()->set_learning_rate(1e-6);
  return RunJob(client, spec).job.result().best_model();
}

}  // namespace

void MeasureDownload(const Setup& setup, Table* table) {
  const std::string model = TrainWideNetwork(setup.client);
  ByteStreamClient bare(setup.byte_stream_address);
  Dropped dropped;
  std::ostream out(&dropped);
  const std::int64_t bytes = Must(setup.client.DownloadModel(model, out)).total_bytes();
  bare.Receive(kChunkBytes, kChunkBytes);  // connects

  std::vector<double> bare_seconds, seconds, first_byte;
  for (int round = 0; round < kRounds; ++round) {
    const Stopwatch bare_watch;
    bare.Receive(bytes, kChunkBytes);
    bare_seconds.push_back(bare_watch.seconds());
    client::DownloadModelOptions options;
    double first = 0;
    const Stopwatch watch;
    options.progress = [&](std::int64_t, std::int64_t) {
      if (first == 0) first = watch.seconds();
    };
    Must(setup.client.DownloadModel(model, out, options));
    seconds.push_back(watch.seconds());
    first_byte.push_back(first);
  }
  const auto rate = [&](double of) {
    return absl::StrFormat("%.3f s, %.0f MiB/s", of, MebibytesPerSecond(static_cast<double>(bytes), of));
  };
  const double ratio = Least(bare_seconds) / Least(seconds);
  table->Add({absl::StrFormat("download of a model of %.0f MiB", static_cast<double>(bytes) / (1 << 20)),
              rate(Least(seconds)), rate(Least(bare_seconds)) + " bare gRPC", absl::StrFormat("%.0f%%", 100 * ratio),
              ">= 60%",
              Verdict(ratio >= kGoal, absl::StrFormat("%.3f s of it before the first byte, while the model is looked "
                                                      "up",
                                                      Least(first_byte)))});
}

}  // namespace cvxnn::bench

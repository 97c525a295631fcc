// SPDX-License-Identifier: Apache-2.0
// Upload. The headline is the whole call: the data set is checked, on disk and synced when it returns. The part until
// the last byte was taken by gRPC, and the same bytes written and synced by a plain program, say where time goes.
#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/byte_stream.h"
#include "bench/measure.h"
#include "bench/must.h"
#include "bench/setup.h"

namespace cvxnn::bench {
namespace {

constexpr std::int64_t kRows = 4096;
constexpr std::int64_t kCols = 16384;
constexpr std::int64_t kChunkBytes = std::int64_t{1} << 20;
constexpr int kRounds = 5;
constexpr double kGoal = 0.6;

struct Times {
  std::vector<double> bare, whole, sent, disk;
};

void Upload(const Setup& setup, std::span<const float> values, Times* times) {
  const std::vector<float> targets(kRows, 1.0F);
  client::CreateDatasetOptions options;
  options.header.set_task(v1::TASK_REGRESSION);
  options.chunk_bytes = kChunkBytes;
  const Stopwatch watch;
  double sent = 0;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (done == total) sent = watch.seconds();
  };
  const auto dataset = Must(setup.client.CreateDataset(client::MatrixView<float>{values, kRows, kCols},
                                                       {targets, kRows, 1}, {}, {}, options));
  times->whole.push_back(watch.seconds());
  times->sent.push_back(sent);
  Must(setup.client.DeleteDataset(dataset.name()));
}

// What any durable store must at least do.
double WriteAndSync(const std::string& folder, std::span<const char> bytes) {
  const std::string file = folder + "/plain.bin";
  const Stopwatch watch;
  const int descriptor = open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  Require(descriptor >= 0, "cannot create " + file);
  bool written = true;
  for (std::size_t offset = 0; written && offset < bytes.size();) {
    const ssize_t count = write(descriptor, bytes.data() + offset, bytes.size() - offset);
    written = count > 0;
    offset += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
  written = written && fsync(descriptor) == 0;
  close(descriptor);
  const double seconds = watch.seconds();
  unlink(file.c_str());
  Require(written, "cannot write " + file);
  return seconds;
}

}  // namespace

void MeasureUpload(const Setup& setup, Table* table) {
  std::vector<float> values(static_cast<std::size_t>(kRows * kCols));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1021) / 1021;
  const std::span<const char> bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  ByteStreamClient bare(setup.byte_stream_address);
  bare.Send(bytes.first(static_cast<std::size_t>(kChunkBytes)), kChunkBytes);  // connects
  Must(setup.client.GetServerInfo());

  Times times;
  for (int round = 0; round < kRounds; ++round) {
    const Stopwatch watch;
    bare.Send(bytes, kChunkBytes);
    times.bare.push_back(watch.seconds());
    Upload(setup, values, &times);
    times.disk.push_back(WriteAndSync(setup.scratch_folder, bytes));
  }
  const auto size = static_cast<double>(bytes.size());
  const double bare_seconds = Least(times.bare), whole = Least(times.whole), sent = Least(times.sent);
  const double disk = Least(times.disk);
  const auto rate = [&](double seconds) {
    return absl::StrFormat("%.2f s, %.0f MiB/s", seconds, MebibytesPerSecond(size, seconds));
  };
  table->Add({"upload of 256 MiB, checked and synced to disk", rate(whole), rate(bare_seconds) + " bare gRPC",
              absl::StrFormat("%.0f%%", 100 * bare_seconds / whole), ">= 60%",
              Verdict(bare_seconds / whole >= kGoal,
                      absl::StrFormat("%.2f s of it after the last byte; the disk alone takes %.2f s for these bytes",
                                      whole - sent, disk))});
  table->Add({"… until the last byte is taken", rate(sent), rate(bare_seconds) + " bare gRPC",
              absl::StrFormat("%.0f%%", 100 * bare_seconds / sent), "", ""});
  table->Add({"… against a bare stream, then write and fsync", rate(whole), rate(bare_seconds + disk),
              absl::StrFormat("%.0f%%", 100 * (bare_seconds + disk) / whole), "", ""});
}

}  // namespace cvxnn::bench

// SPDX-License-Identifier: Apache-2.0
// What every measurement of the service is given.
#pragma once

#include <string>

#include "bench/table.h"
#include "client/cpp/client.h"

namespace cvxnn::bench {

/// Both servers run in processes of their own on this machine.
struct Setup {
  client::Client client;            ///< of a real cvxnn-server
  std::string byte_stream_address;  ///< of the bare byte stream
  std::string scratch_folder;       ///< on the disk of the server's data directory
};

/// Client::CreateDataset of 256 MiB against the bare stream, and what the disk alone takes for them.
void MeasureUpload(const Setup& setup, Table* table);
/// Client::DownloadModel of a model of 117 MiB against the bare stream.
void MeasureDownload(const Setup& setup, Table* table);
/// From CreateJob to the first epoch received.
void MeasureFirstMetric(const Setup& setup, Table* table);
/// Jobs of about one second against training::Train on the same data with the same spec and threads.
void MeasureOverhead(const Setup& setup, Table* table);
/// 20,000 very short epochs, each of which must arrive.
void MeasureNotebook(const Setup& setup, Table* table);

}  // namespace cvxnn::bench

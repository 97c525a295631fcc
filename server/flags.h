// SPDX-License-Identifier: Apache-2.0
// The flags of cvxnn-server.
#pragma once

#include <absl/status/status.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "server/server.h"

namespace cvxnn::server {

struct Flags {
  Server::Options server;
  std::string http;
  std::string log_format = "json";
  std::string log_level = "info";
  std::string healthcheck;
  std::string new_token;
  bool check_config = false;
  double drain_seconds = 10;
  double checkpoint_seconds = 30;
  double job_retention_seconds = 0;
  std::optional<std::int64_t> max_dataset_bytes;
  std::optional<std::int64_t> resident_bytes;
  std::optional<int> threads;
};

/// Most threads of one computation that --threads may ask for: more than four times the processors only wait for each
/// other, and take minutes to start and stop. At least 16.
int MostThreads();

/// Adds every flag; `flags` must outlive the parser. Numbers are read in decimal and must be in their ranges; NaN is in
/// none.
void AddFlags(CLI::App* app, Flags* flags);

/// Lets every setting come from a file (--config, TOML, keys as the flags) or the environment (CVXNN_ and the flag's
/// name in capitals, - as _) too: a flag goes before the file, the file before the environment. Unknown keys of the
/// file are errors.
void AddOtherSources(CLI::App* app);

/// Exit status of a command line, a file of settings or an environment that is wrong: nothing was begun.
inline constexpr int kUsageStatus = 2;

/// What is wrong with them, in a line: the parser's words, and of a file's key that is none the key and the file.
std::string UsageFault(const CLI::App& app, const CLI::ParseError& error);

/// Checks what does not depend on one flag's text alone, and sizes by the machine what no flag has set: half of the
/// memory that this process may use for one data set, a quarter for data sets that wait in memory for the next job, and
/// every processor. INVALID_ARGUMENT naming the flag.
absl::Status CompleteFlags(Flags* flags);

}  // namespace cvxnn::server

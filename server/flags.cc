// SPDX-License-Identifier: Apache-2.0
// See flags.h.
#include "server/flags.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <type_traits>

#include "core/torch/runtime.h"
#include "server/processors.h"

namespace cvxnn::server {
namespace {

// The parser's own ranges take 010 for eight, and let nan through.
template <typename Number>
CLI::Option* InRange(CLI::Option* option, Number least, Number most) {
  const std::string range = absl::StrCat(least, " to ", most);
  const auto read = [least, most, range](std::string& text) -> std::string {
    constexpr std::size_t kMostShown = 80;
    const auto fault = [&] { return absl::StrCat("\"", text.substr(0, kMostShown), "\": must be ", range); };
    Number value{};
    if constexpr (std::is_floating_point_v<Number>) {
      return absl::SimpleAtod(text, &value) && value >= least && value <= most ? "" : fault();
    } else {
      if (!absl::SimpleAtoi(text, &value) || value < least || value > most) return fault();
      text = absl::StrCat(value);  // without zeros in front
      return "";
    }
  };
  return option->transform(CLI::Validator(read, range));
}

}  // namespace

int MostThreads() {
  constexpr int kAlwaysAllowed = 16;
  return std::max(kAlwaysAllowed, 4 * UsableProcessors());
}

void AddFlags(CLI::App* app, Flags* flags) {
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 50;
  app->add_option("--listen", flags->server.listen, "Address for gRPC, host:port; port 0 picks a free one")
      ->capture_default_str();
  app->add_option("--http", flags->http,
                  "Address for HTTP: probes (/healthz, /readyz) and metrics for Prometheus (/metrics); none: no HTTP");
  app->add_option("--data-dir", flags->server.data_dir, "Folder for data sets, jobs and models (required)");
  app->add_option("--import-root", flags->server.import_root, "Folder below which ImportDataset may read; none: off");
  InRange(app->add_option("--threads", flags->threads, "Threads of one computation (default: all processors)"), 1,
          MostThreads());
  InRange(app->add_option("--call-niceness", flags->server.call_niceness,
                          "How far calls give way to jobs where both want a processor, as nice(1) counts; 0: not"),
          0, 19)
      ->capture_default_str();
  InRange(app->add_option("--jobs-per-device", flags->server.limits.running_jobs_per_device,
                          "Jobs that run at the same time on one device"),
          1, 64)
      ->capture_default_str();
  InRange(app->add_option("--max-dataset-bytes", flags->max_dataset_bytes,
                          "Largest data set, and all uploads together (default: half of the memory)"),
          std::int64_t{1}, kMostBytes);
  InRange(app->add_option("--resident-bytes", flags->resident_bytes,
                          "Data sets kept in memory between jobs (default: a quarter of the memory)"),
          std::int64_t{0}, kMostBytes);
  InRange(app->add_option("--max-queued-jobs", flags->server.limits.max_queued_jobs, "Most jobs that wait"),
          std::int64_t{1}, std::int64_t{1} << 40)
      ->capture_default_str();
  constexpr std::int64_t kMostNumber = std::int64_t{1} << 62;
  Quota& quota = flags->server.quota;
  InRange(app->add_option(
              "--max-jobs-per-principal", quota.jobs,
              "Jobs of one principal that have not ended, unless --principals says another number; none: no limit"),
          std::int64_t{1}, kMostNumber);
  InRange(app->add_option("--max-bytes-per-principal", quota.bytes,
                          "Bytes of data sets and models that one principal may have, likewise"),
          std::int64_t{1}, kMostNumber);
  InRange(app->add_option("--max-upload-rate", quota.upload_bytes_per_second,
                          "Bytes per second of the uploads of one principal together, likewise"),
          std::int64_t{1}, kMostNumber);
  app->add_option("--log-format", flags->log_format, "json or text, on stderr")->capture_default_str();
  app->add_option("--log-level", flags->log_level, "debug, info, warning, error or off")->capture_default_str();
  InRange(app->add_option("--drain-seconds", flags->drain_seconds,
                          "On SIGTERM: how long running jobs may go on before they are put back into the queue"),
          0.0, 86400.0)
      ->capture_default_str();
  InRange(app->add_option("--checkpoint-seconds", flags->checkpoint_seconds,
                          "Time between checkpoints of a running job; 0: only when it is paused or the server ends"),
          0.0, 86400.0)
      ->capture_default_str();
  InRange(app->add_option("--job-retention-seconds", flags->job_retention_seconds,
                          "Jobs that say nothing themselves are deleted this long after their end; 0: never"),
          0.0, 315'360'000.0)
      ->capture_default_str();
  SecurityOptions& security = flags->server.security;
  app->add_option("--tls-certificate", security.tls_certificate,
                  "PEM file of the server's certificate and those between it and its root: the gRPC port speaks TLS");
  app->add_option("--tls-key", security.tls_key,
                  "PEM file of its private key; both files are read anew when they change");
  app->add_option("--tls-client-ca", security.tls_client_ca,
                  "PEM file of authorities: clients must show a certificate that one of them signed");
  app->add_option("--principals", security.principals,
                  "File of those who may ask, a line each (--new-token makes one): NAME ROLE sha256:HEX, or NAME ROLE "
                  "certificate; ROLE is reader, submitter or admin. Read anew when it changes; none: everybody may ask "
                  "everything");
  app->add_flag("--insecure", security.insecure,
                "Allow an address that is not loopback, without encryption and authentication");
  app->add_option("--new-token", flags->new_token, "NAME:ROLE: make a token and its line for --principals, and exit");
  app->add_flag("--check-config", flags->check_config, "Say whether flags, file and environment are valid, and exit");
  app->add_option("--healthcheck", flags->healthcheck,
                  "Ask the server at this address whether it serves, and exit with 0 or 1; with --tls-certificate and "
                  "--tls-key over TLS, showing that certificate");
}

void AddOtherSources(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    const std::string name = option->get_lnames().empty() ? "" : option->get_lnames().front();
    // What makes the program do something else and exit is no setting.
    for (const char* action : {"", "help", "version", "healthcheck", "new-token", "check-config"}) {
      if (name == action) option->configurable(false);
    }
    if (!option->get_configurable()) continue;
    option->envname(absl::StrCat("CVXNN_", absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}))));
  }
  app->set_config("--config", "", "File of settings, TOML: listen = \"127.0.0.1:50051\"")->envname("CVXNN_CONFIG");
  app->allow_config_extras(CLI::config_extras_mode::error);
}

std::string UsageFault(const CLI::App& app, const CLI::ParseError& error) {
  // The parser only says that it could not read the key, and not in which file.
  constexpr absl::string_view kUnknownKey = "INI was not able to parse ";
  std::string said = error.what();
  const bool unknown = dynamic_cast<const CLI::ConfigError*>(&error) != nullptr && absl::StartsWith(said, kUnknownKey);
  if (!unknown) return said;
  std::string key = said.substr(kUnknownKey.size());
  // A table of the file, which the parser enters and leaves as "NAME.++" and "NAME.--".
  if (absl::EndsWith(key, ".++") || absl::EndsWith(key, ".--"))
    key = absl::StrCat("[", key.substr(0, key.size() - 3), "]");
  return absl::StrCat(app.get_config_ptr()->as<std::string>(), ": ", key,
                      ": no such setting; the settings are the flags of --help, without --");
}

absl::Status CompleteFlags(Flags* flags) {
  Server::Options& options = flags->server;
  if (options.data_dir.empty()) return absl::InvalidArgumentError("--data-dir is required");
  std::error_code ignored;
  if (!options.import_root.empty() && !std::filesystem::is_directory(options.import_root, ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--import-root = \"", options.import_root, "\": must be a folder that is there"));
  }
  const std::int64_t memory = AvailableDevices().front().total_bytes;
  options.limits.max_dataset_bytes =
      flags->max_dataset_bytes.value_or(std::max<std::int64_t>(memory / 2, std::int64_t{1} << 28));
  options.resident_bytes = flags->resident_bytes.value_or(memory / 4);
  options.checkpoint_interval = absl::Seconds(flags->checkpoint_seconds);
  if (flags->job_retention_seconds > 0) options.limits.job_retention = absl::Seconds(flags->job_retention_seconds);
  options.compute_threads = flags->threads.value_or(UsableProcessors());
  return absl::OkStatus();
}

}  // namespace cvxnn::server

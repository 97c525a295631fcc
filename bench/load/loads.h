// SPDX-License-Identifier: Apache-2.0
// The loads, one function each; each prints its own lines.
#pragma once

#include "bench/load/loaded_server.h"

namespace cvxnn::bench {

struct LoadSizes {
  int watchers = 1000;
  int slow = 50;
  int stalled = 50;
  int clients = 200;
  int half_open = 500;
  int queued = 10000;
  double seconds = 10;  ///< of each load, about
};

void LoadWatchers(LoadedServer& server, const LoadSizes& sizes);
void LoadSlowReaders(LoadedServer& server, const LoadSizes& sizes);
void LoadChurn(LoadedServer& server, const LoadSizes& sizes);
void LoadHalfOpen(LoadedServer& server, const LoadSizes& sizes);
void LoadQueue(LoadedServer& server, const LoadSizes& sizes);

/// "name: value" of a load, aligned.
void Line(const char* what, const std::string& value);
/// How much slower than undisturbed, in percent: by the clock, and for each second that its thread had a core (`clock`
/// began with the job). The first counts what else the machine does.
void SlowDown(const LoadedServer& server, const v1::JobSpec& spec, const v1::Job& job, const JobClock& clock);

}  // namespace cvxnn::bench

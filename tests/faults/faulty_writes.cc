// SPDX-License-Identifier: Apache-2.0
// Preloaded into a server (LD_PRELOAD), makes some of its writes below one directory fail, or kills it in the midst of
// one. Which ones is drawn from a seed, by the number of the call. Environment:
//   CVXNN_FAULTS_DIRECTORY  where; other files are never touched
//   CVXNN_FAULTS_PLAN       a file of four 64-bit integers, which may change at any time:
//     seed
//     one_in   every so manyth call fails on average (0: none): ENOSPC, EIO, or a short write
//     kill_at  the process dies at this call (0: never): half of what was to be written is written
//     calls    how many there have been; counted here
// fsync, rename and the like count as calls and fail likewise; reads never do.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class Fate { kNothing, kNoSpace, kInputOutput, kShort, kDeath };

struct Plan {
  std::atomic<std::uint64_t> seed, one_in, kill_at, calls;
};

// Null without a plan.
Plan* Map() {
  const char* path = std::getenv("CVXNN_FAULTS_PLAN");
  const int descriptor = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  void* plan = mmap(nullptr, sizeof(Plan), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return plan == MAP_FAILED ? nullptr : static_cast<Plan*>(plan);
}

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014: the finaliser of SplitMix64.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

Fate FateOf(const char* path) {
  static Plan* const plan = Map();
  static const char* const directory = std::getenv("CVXNN_FAULTS_DIRECTORY");
  if (plan == nullptr || directory == nullptr || std::strncmp(path, directory, std::strlen(directory)) != 0) {
    return Fate::kNothing;
  }
  const std::uint64_t call = ++plan->calls;
  if (call == plan->kill_at) return Fate::kDeath;
  const std::uint64_t one_in = plan->one_in;
  if (one_in == 0) return Fate::kNothing;
  const std::uint64_t drawn = Mix(plan->seed * 1000003 + call);
  if (drawn % one_in != 0) return Fate::kNothing;
  constexpr Fate kFates[] = {Fate::kNoSpace, Fate::kInputOutput, Fate::kShort};
  return kFates[(drawn >> 32) % 3];
}

Fate FateOf(int descriptor) {
  char link[32];
  char path[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return Fate::kNothing;
  path[size] = '\0';
  return FateOf(path);
}

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

[[noreturn]] void Die() {
  kill(getpid(), SIGKILL);
  while (true) pause();
}

// For calls that do all or nothing.
int Fail(Fate fate) {
  if (fate == Fate::kDeath) Die();
  errno = fate == Fate::kNoSpace ? ENOSPC : EIO;
  return -1;
}

// `call` writes so many bytes of what was to be written.
template <typename Call>
ssize_t Write(int descriptor, std::size_t size, const Call& call) {
  const Fate fate = FateOf(descriptor);
  if (fate == Fate::kNothing) return call(size);
  if (fate == Fate::kShort && size > 1) return call(size / 2);
  if (fate == Fate::kDeath && size > 1) (void)call(size / 2);
  return Fail(fate);
}

template <typename Call>
int AllOrNothing(Fate fate, const Call& call) {
  return fate == Fate::kNothing ? call() : Fail(fate);
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, std::size_t size) {
  static const auto real = Real<ssize_t (*)(int, const void*, std::size_t)>("write");
  return Write(descriptor, size, [&](std::size_t part) { return real(descriptor, bytes, part); });
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  static const auto real = Real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite");
  return Write(descriptor, size, [&](std::size_t part) { return real(descriptor, bytes, part, offset); });
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t size, off64_t offset) {
  static const auto real = Real<ssize_t (*)(int, const void*, std::size_t, off64_t)>("pwrite64");
  return Write(descriptor, size, [&](std::size_t part) { return real(descriptor, bytes, part, offset); });
}

// What libstdc++'s streams write large buffers with. A short one writes the first part.
ssize_t writev(int descriptor, const iovec* parts, int count) {
  static const auto real = Real<ssize_t (*)(int, const iovec*, int)>("writev");
  return Write(descriptor, static_cast<std::size_t>(count),
               [&](std::size_t some) { return real(descriptor, parts, static_cast<int>(some)); });
}

int fsync(int descriptor) {
  static const auto real = Real<int (*)(int)>("fsync");
  return AllOrNothing(FateOf(descriptor), [&] { return real(descriptor); });
}

int fdatasync(int descriptor) {
  static const auto real = Real<int (*)(int)>("fdatasync");
  return AllOrNothing(FateOf(descriptor), [&] { return real(descriptor); });
}

int ftruncate(int descriptor, off_t size) noexcept {
  static const auto real = Real<int (*)(int, off_t)>("ftruncate");
  return AllOrNothing(FateOf(descriptor), [&] { return real(descriptor, size); });
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  static const auto real = Real<int (*)(int, off64_t)>("ftruncate64");
  return AllOrNothing(FateOf(descriptor), [&] { return real(descriptor, size); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = Real<int (*)(const char*, const char*)>("rename");
  return AllOrNothing(FateOf(from), [&] { return real(from, to); });
}

}  // extern "C"

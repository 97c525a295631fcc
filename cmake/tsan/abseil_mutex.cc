// SPDX-License-Identifier: Apache-2.0
// Makes absl::Mutex known to ThreadSanitizer in builds with CVXNN_SANITIZE=thread. Debian's Abseil is not instrumented,
// so a lock in it orders nothing in the sanitizer's eyes and all that a Mutex guards would be reported. The functions
// here stand in front of the library's for the whole program, libgrpc included, call them, and say what they order.
#include <absl/synchronization/mutex.h>
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>

namespace {

/// The function that `function`, one of those below, stands in front of.
void* NextOf(void* function) {
  Dl_info info{};
  if (dladdr(function, &info) == 0 || info.dli_sname == nullptr) std::abort();
  void* next = dlsym(RTLD_NEXT, info.dli_sname);
  if (next == nullptr || next == function) {
    std::fprintf(stderr, "tsan/abseil_mutex: no %s in any library\n", info.dli_sname);
    std::abort();
  }
  return next;
}

// A member function takes `this` as its first argument in the Itanium ABI; GCC converts it to such a function.
#pragma GCC diagnostic ignored "-Wpmf-conversions"
#pragma GCC diagnostic ignored "-Wpedantic"
#define CVXNN_NEXT(Result, method, ...)     \
  using Function = Result (*)(__VA_ARGS__); \
  static const Function next =              \
      reinterpret_cast<Function>(NextOf(reinterpret_cast<void*>((Result(*)(__VA_ARGS__))(method))))

/// A condition of a caller's. Whoever holds the mutex when it is due evaluates it, within Abseil, so the lock is said
/// there.
struct Guarded {
  const absl::Condition* condition;
  absl::Mutex* mutex;

  static bool Holds(Guarded* guarded) {
    __tsan_acquire(guarded->mutex);
    const bool holds = guarded->condition->Eval();
    __tsan_release(guarded->mutex);
    return holds;
  }
};

/// While a thread waits for a condition others may hold the mutex.
class Waiting {
 public:
  explicit Waiting(absl::Mutex* mutex) : mutex_(mutex) { __tsan_release(mutex_); }
  ~Waiting() { __tsan_acquire(mutex_); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  absl::Mutex* mutex_;
};

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  CVXNN_NEXT(void, &Mutex::Lock, Mutex*);
  next(this);
  __tsan_acquire(this);
}

void Mutex::Unlock() {
  CVXNN_NEXT(void, &Mutex::Unlock, Mutex*);
  __tsan_release(this);
  next(this);
}

bool Mutex::TryLock() {
  CVXNN_NEXT(bool, &Mutex::TryLock, Mutex*);
  const bool locked = next(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::ReaderLock() {
  CVXNN_NEXT(void, &Mutex::ReaderLock, Mutex*);
  next(this);
  __tsan_acquire(this);
}

void Mutex::ReaderUnlock() {
  CVXNN_NEXT(void, &Mutex::ReaderUnlock, Mutex*);
  __tsan_release(this);
  next(this);
}

void Mutex::Await(const Condition& condition) {
  CVXNN_NEXT(void, &Mutex::Await, Mutex*, const Condition&);
  Guarded guarded{&condition, this};
  const Condition told(&Guarded::Holds, &guarded);
  const Waiting waiting(this);
  next(this, told);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  CVXNN_NEXT(bool, &Mutex::AwaitWithTimeout, Mutex*, const Condition&, Duration);
  Guarded guarded{&condition, this};
  const Condition told(&Guarded::Holds, &guarded);
  const Waiting waiting(this);
  return next(this, told, timeout);
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  CVXNN_NEXT(bool, &Mutex::AwaitWithDeadline, Mutex*, const Condition&, Time);
  Guarded guarded{&condition, this};
  const Condition told(&Guarded::Holds, &guarded);
  const Waiting waiting(this);
  return next(this, told, deadline);
}

void CondVar::Wait(Mutex* mutex) {
  CVXNN_NEXT(void, &CondVar::Wait, CondVar*, Mutex*);
  const Waiting waiting(mutex);
  next(this, mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  CVXNN_NEXT(bool, &CondVar::WaitWithTimeout, CondVar*, Mutex*, Duration);
  const Waiting waiting(mutex);
  return next(this, mutex, timeout);
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  CVXNN_NEXT(bool, &CondVar::WaitWithDeadline, CondVar*, Mutex*, Time);
  const Waiting waiting(mutex);
  return next(this, mutex, deadline);
}

ABSL_NAMESPACE_END
}  // namespace absl

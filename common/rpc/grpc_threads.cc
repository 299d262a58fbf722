#include "common/rpc/grpc_threads.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "common/log/log.h"

namespace gitops {
namespace {

// In all two seconds: the thread that creates others may be the only one that accepts calls.
constexpr std::chrono::milliseconds kPause(50);
constexpr int kAttempts = 40;

std::atomic<bool> lacking = false;

}  // namespace

bool GrpcLacksThreads() { return lacking; }

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

using CreateThread = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*run)(void*), void* argument) noexcept {
  static const auto create = reinterpret_cast<CreateThread>(dlsym(RTLD_NEXT, "pthread_create"));
  int error = create(thread, attributes, run, argument);
  // std::thread has no attributes, and its users handle the error.
  if (error == 0 || attributes == nullptr) return error;
  for (int attempt = 1; error == EAGAIN && attempt < kAttempts; ++attempt) {
    std::this_thread::sleep_for(kPause);
    error = create(thread, attributes, run, argument);
  }
  if (error != 0) {
    lacking = true;
    LogError("gRPC gets no more threads: calls are refused, or may not end before a restart");
  }
  return error;
}

#endif

}  // namespace gitops

#include "common/rpc/grpc_threads.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <cerrno>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace gitops {
namespace {

TEST(GrpcThreadsTest, AThreadThatTheHostRefusesIsTriedAgainAndThenKnownToBeMissing) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer has a pthread_create of its own";
#endif
  EXPECT_FALSE(GrpcLacksThreads());
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  // No address space has room for this stack, which is reported as EAGAIN.
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, size_t{1} << 50), 0);
  pthread_t thread;
  const absl::Time begun = absl::Now();
  EXPECT_EQ(pthread_create(
                &thread, &attributes, [](void*) -> void* { return nullptr; }, nullptr),
            EAGAIN);
  EXPECT_GE(absl::Now() - begun, absl::Seconds(1));
  EXPECT_TRUE(GrpcLacksThreads());
  pthread_attr_destroy(&attributes);
}

}  // namespace
}  // namespace gitops

#include "common/rpc/state_reason.h"

#include <cerrno>

#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

TEST(StateReasonTest, TheFirstReasonStaysWithItsError) {
  const absl::Status refused =
      WithStateReason(StateReason::kRefusedContent, absl::FailedPreconditionError("a symlink"));
  const absl::Status wrapped =
      WithStateReason(StateReason::kDisk, WithMessage(refused, "commit 1"));
  EXPECT_EQ(StateReasonOf(wrapped), StateReason::kRefusedContent);
  EXPECT_EQ(StateReasonOf(absl::UnavailableError("x")), StateReason::kNone);
  EXPECT_TRUE(WithStateReason(StateReason::kDisk, absl::OkStatus()).ok());
}

TEST(StateReasonTest, ADiskThatIsFullOrFailsIsTheReason) {
  EXPECT_EQ(StateReasonOf(FileStatus(ENOSPC, "write")), StateReason::kDisk);
  EXPECT_EQ(StateReasonOf(FileStatus(EIO, "write")), StateReason::kDisk);
  EXPECT_EQ(StateReasonOf(FileStatus(EMFILE, "open")), StateReason::kNone);
  EXPECT_EQ(FileStatus(ENOSPC, "write").code(), absl::ErrnoToStatusCode(ENOSPC));
}

TEST(StateReasonTest, CallersGetTheErrorWithoutIt) {
  const absl::Status error = absl::UnavailableError("no answer");
  EXPECT_EQ(ToGrpcStatus(WithStateReason(StateReason::kUpstreamUnreachable, error)).error_details(),
            ToGrpcStatus(error).error_details());
}

}  // namespace
}  // namespace gitops

#ifndef GITOPS_COMMON_GIT_COMMIT_MESSAGE_H_
#define GITOPS_COMMON_GIT_COMMIT_MESSAGE_H_

#include "absl/time/time.h"
#include "common/clock/timestamp.h"
#include "common/git/commit.h"

namespace gitops {

// To and from gitops.v1.Commit and gitops.record.v1.Commit.
template <typename Message>
void WriteCommit(const CommitInfo& commit, Message& message) {
  message.set_hash(commit.hash);
  message.set_subject(commit.subject);
  message.set_author(commit.author);
  if (commit.time != absl::InfinitePast()) *message.mutable_time() = ToTimestamp(commit.time);
}
template <typename Message>
CommitInfo ReadCommit(const Message& message) {
  return {.hash = message.hash(),
          .subject = message.subject(),
          .author = message.author(),
          .time = message.has_time() ? FromTimestamp(message.time()) : absl::InfinitePast()};
}

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_COMMIT_MESSAGE_H_

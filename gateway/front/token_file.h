#ifndef GITOPS_GATEWAY_FRONT_TOKEN_FILE_H_
#define GITOPS_GATEWAY_FRONT_TOKEN_FILE_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/config/config_follower.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "gateway/front/tokens.h"

namespace gitops {

// The tokens of a file that is read again when it changes. A bad file is logged, and its last good
// version stays in use. Thread-safe.
class TokenFile {
 public:
  // `path` empty: no tokens. Errors are those of ReadConfigText and Tokens::Parse. Clock and
  // scheduler are not owned, and must outlive it.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(const std::string& path, Clock* clock,
                                                         Scheduler* scheduler);

  std::shared_ptr<const Tokens> tokens() const {
    MutexLock lock(mutex_);
    return tokens_;
  }
  // Reads the file now, even without a change (SIGHUP).
  void Reload() {
    if (follower_ != nullptr) follower_->Reload();
  }

 private:
  TokenFile(std::string path, Tokens tokens)
      : path_(std::move(path)), tokens_(std::make_shared<const Tokens>(std::move(tokens))) {}
  void Read();

  const std::string path_;
  mutable Mutex mutex_;
  std::shared_ptr<const Tokens> tokens_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ConfigFollower> follower_;  // last: it calls Read()
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_TOKEN_FILE_H_

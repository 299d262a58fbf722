#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_SECRET_SECRETS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_SECRET_SECRETS_H_

#include <sys/types.h>
#include <time.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/log/secret.h"
#include "common/sync/mutex.h"

namespace gitops {

// Keys of secrets.
inline constexpr char kHmacKey[] = "hmac-key";
inline constexpr char kApprovalKey[] = "approval-key";
inline constexpr char kTokenKey[] = "token";
inline constexpr char kUsernameKey[] = "username";
inline constexpr char kPasswordKey[] = "password";

// Secrets in files, DIRECTORY/NAMESPACE/NAME/KEY, as Kubernetes mounts them: symlinks are followed.
// A file is read again when it changes, which costs one stat(2) a call. Thread-safe.
class Secrets {
 public:
  // A value that was replaced, or whose file was removed, is valid for `grace` more. The clock is
  // not owned. An empty directory: there are no secrets.
  Secrets(std::string directory, absl::Duration grace, Clock* clock)
      : directory_(std::move(directory)), grace_(grace), clock_(clock) {}

  // The values that are valid now, newest first; none: there is no such secret, or it is empty or
  // white space. A signing key (hmac-key, approval-key) that begins or ends in white space is there
  // as it is, and trimmed; other values are there trimmed only. If the file cannot be read now, the
  // values stay as they are. Names that are no plain names of files have no secret.
  std::vector<Secret> Current(const std::string& namespace_, const std::string& name,
                              absl::string_view key);

  // Looks whether any secret that was asked for has changed, so that the time for which an old
  // value is valid begins soon after it was replaced. Called every few seconds.
  void Look();

  // UNAVAILABLE: the file of a secret is there, or may be, but could not be read by the last call
  // of Current.
  absl::Status Readable(const std::string& namespace_, const std::string& name,
                        absl::string_view key) const;

  const std::string& directory() const { return directory_; }

 private:
  // Changes whenever the file may have new content.
  struct Stamp {
    bool exists = false;
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{}, changed{};
    bool operator==(const Stamp& other) const;
  };
  struct Replaced {
    Secret value;
    SteadyTime until;
  };
  struct Entry {
    Stamp stamp;
    Secret value;
    std::vector<Replaced> replaced;  // newest first
    std::string error;               // that was logged
  };

  static absl::Status StampOf(const std::string& path, Stamp& stamp);
  void Refresh(const std::string& path, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetValue(Secret value, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  const absl::Duration grace_;
  Clock* const clock_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by path
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_SECRET_SECRETS_H_

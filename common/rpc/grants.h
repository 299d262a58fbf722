#ifndef GITOPS_COMMON_RPC_GRANTS_H_
#define GITOPS_COMMON_RPC_GRANTS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/clock/clock.h"
#include "common/config/config_follower.h"
#include "common/config/host_selector.h"
#include "common/rpc/principal.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"

namespace gitops {

// What a person asks to change on a host.
struct HostChange {
  std::string host;
  absl::Span<const std::string> tags;
  // Each of AllActions() (common/plan/vocabulary.h) or GrantedCommands().
  std::vector<std::string> actions;
};

// What may stand in `actions` beside the actions of deployments: the commands that change a host.
const std::vector<std::string>& GrantedCommands();

// Limits of what people may change; reading needs a role only. A file of them:
//
//   [[grants]]
//   subject = "alice"          # the name in a certificate, or of an account (unix socket)
//   # group = "web"            # instead: the unix group of the caller's account
//   # token = "ci"             # instead: the name of a token of the gateway
//   role = "operator"          # the role that it needs at most: viewer, operator, approver, admin
//   on = ["web*"]              # omitted, and tagged omitted too: every host
//   tagged = ["prod"]          # all of them
//   actions = ["sync"]         # omitted: all
//
// A person whom no grant names has what their role has. A person whom some name may do only what
// one of these allows; it gives nobody more than their role. Immutable; thread-safe.
class Grants {
 public:
  Grants() = default;  // no limits
  // INVALID_ARGUMENT: all errors, with file and line.
  static absl::StatusOr<Grants> Parse(absl::string_view text, const std::string& file);

  size_t size() const { return grants_.size(); }

 private:
  struct Grant {
    enum class Kind { kSubject, kGroup, kToken };
    Kind kind = Kind::kSubject;
    std::string name;
    Role role = Role::kViewer;
    HostSelector hosts;  // empty: every host
    std::vector<std::string> actions;
  };
  friend class CallerGrants;
  static Grant Read(const class TomlTable& table);

  std::string file_;
  std::vector<std::unique_ptr<const Grant>> grants_;
  HostSelectorIndex index_;
};

// The grants of one caller, found once for a call that changes many hosts. If a server passes on a
// person, those of both count. Thread-safe.
class CallerGrants {
 public:
  CallerGrants() = default;  // no limits
  CallerGrants(std::shared_ptr<const Grants> grants, const Principal& caller);

  // Whether there is a limit at all.
  bool limited() const { return !own_.empty() || !persons_.empty(); }
  // Whether the caller may make the change, which needs the role `needed`. PERMISSION_DENIED names
  // the host and the action.
  absl::Status Check(Role needed, const HostChange& change) const;

 private:
  absl::Status CheckOne(const std::vector<size_t>& numbers, Role needed,
                        const HostChange& change) const;

  std::shared_ptr<const Grants> grants_;
  std::string caller_;
  // Indices of the grants of the caller, and of the person that it passes on.
  std::vector<size_t> own_, persons_;
};

// The grants of a file that is read again when it changes. A bad file is logged, and its last good
// version stays in force. Thread-safe.
class GrantFile {
 public:
  // `path` empty: no limits. Errors are those of ReadConfigText and Grants::Parse. Clock and
  // scheduler are not owned, and must outlive it.
  static absl::StatusOr<std::unique_ptr<GrantFile>> Open(const std::string& path, Clock* clock,
                                                         Scheduler* scheduler);

  CallerGrants Of(const Principal& caller) const {
    MutexLock lock(mutex_);
    return CallerGrants(grants_, caller);
  }
  // Reads the file now, even without a change (SIGHUP).
  void Reload() {
    if (follower_ != nullptr) follower_->Reload();
  }

 private:
  GrantFile(std::string path, Grants grants)
      : path_(std::move(path)), grants_(std::make_shared<const Grants>(std::move(grants))) {}
  void Read();

  const std::string path_;
  mutable Mutex mutex_;
  std::shared_ptr<const Grants> grants_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ConfigFollower> follower_;  // last: it calls Read()
};

// Reads and checks the file of the setting `grants`, for --check-config. Errors as Open().
absl::Status CheckGrantFile(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_GRANTS_H_

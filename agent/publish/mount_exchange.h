#ifndef GITOPS_AGENT_PUBLISH_MOUNT_EXCHANGE_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_EXCHANGE_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"
#include "common/path/walk.h"

namespace gitops {

struct Target;
struct TargetMounts;

// How a mount replaces another in one step.
enum class ExchangeWay {
  kAuto,     // the first of the two that this kernel supports
  kBeneath,  // Linux 6.5: MOVE_MOUNT_BENEATH
  // Older kernels: a mount on a peer of the parent mount appears beneath the mounts on the parent.
  // The peer is in its own mount namespace, so that a crash leaves none behind. A parent that is
  // not shared is made shared for that moment.
  kPropagation,
};

// Publishes directories and files below one directory on disk (`owned_directory`) at other paths,
// by bind mounts. Mounts of paths below owned_directory are called ours. A bind mount of something
// else at a target (for example gitopper's) is replaced like ours; another file system is refused,
// but removed if it covers one of ours.
//
// Other mounts below a target (another target, another service's) are kept: they are part of the
// new mount from the start. If the new source lacks the mount point, it is created. Mount
// namespaces that receive from this one see the same single step.
//
// Thread-safe. There is one exchange at a time in the process: two targets may have the same parent
// mount.
class MountExchanger {
 public:
  struct Options {
    std::string owned_directory;  // absolute
    ExchangeWay way = ExchangeWay::kAuto;
    // For tests: called before each step ("look" after the walk, "attach", "beneath" if that is
    // tried, "propagate", "detach"); an error is that step's error.
    std::function<absl::Status(absl::string_view step, const std::string& target)> before_step;
  };
  explicit MountExchanger(Options options) : options_(std::move(options)) {}

  // The mount that an exchange replaced; see Restore.
  struct Former {
    bool changed = false;   // false: the target already had the source
    std::string target;     // for messages
    NameInDirectory place;  // where it was found
    Fd mount;               // not attached; none: there was no mount
  };
  // Mounts the directory or file that is open as `source` (O_PATH) at `target`, which exists and is
  // of the same kind. The path is walked once (see OpenTarget); from there on all is done on
  // descriptors, so that whoever may rename what is above the target gets the mount there, and
  // never elsewhere. After an error the target is unchanged. If the target has more than one mount
  // of ours (the agent was killed in an exchange), or a foreign one over ours, these are removed
  // first, and not restored after an error. Errors: PERMISSION_DENIED; UNIMPLEMENTED: this kernel
  // does not support the requested way; FAILED_PRECONDITION: another mount is in the way, or see
  // OpenTarget; ABORTED: somebody changed the mounts there meanwhile.
  absl::StatusOr<Former> Exchange(int source, const std::string& target, bool read_only);
  // Undoes an exchange, in one step, where it was made. If there was no mount before, the new mount
  // is removed.
  absl::Status Restore(Former former);

 private:
  absl::Status Step(absl::string_view step, const Target& target) const;
  absl::StatusOr<TargetMounts> ReadCleared(Target target) const;
  // Attaches `mount`, with the mounts below the target, in place of the current one.
  absl::Status Put(Fd mount, const TargetMounts& mounts, bool read_only) const;
  absl::Status Cover(int tree, const TargetMounts& mounts) const;
  absl::Status Replace(int tree, const TargetMounts& mounts) const;
  absl::Status AttachBeneath(int tree, const TargetMounts& mounts, bool* propagated) const;

  const Options options_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_EXCHANGE_H_

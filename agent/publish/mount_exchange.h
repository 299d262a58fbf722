#ifndef GITOPS_AGENT_PUBLISH_MOUNT_EXCHANGE_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_EXCHANGE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// How a mount takes the place of another in one step.
enum class ExchangeWay {
  kAuto,     // the first of the two that this kernel can
  kBeneath,  // from Linux 6.5: MOVE_MOUNT_BENEATH
  // Before 6.5: what is mounted on a peer of the parent mount appears beneath what is mounted on
  // the parent. The peer lives in a mount namespace of its own, so that a crash leaves none behind.
  // A parent that is not shared is made so for that moment.
  kPropagation,
};

// Shows directories and files of one place on disk (`owned_directory`) at other paths, by bind
// mounts. Mounts of what lies below owned_directory are called ours. A bind mount of something else
// at a target (gitopper's own) is replaced as ours are; a file system of its own is refused, but
// removed where it covers one of ours.
//
// Mounts that others have put below a target (another target, another service's) are carried: they
// are part of the new mount from the start. Where the new source lacks the place to mount on, it is
// made. Mount namespaces that receive from this one see the same single step.
//
// Any thread. One exchange at a time in the process: two targets may have the same parent mount.
class MountExchanger {
 public:
  struct Options {
    std::string owned_directory;  // absolute
    ExchangeWay way = ExchangeWay::kAuto;
    // For tests: called before each step ("attach", "beneath" where that is tried,
    // "detach"); an error is that step's error.
    std::function<absl::Status(absl::string_view step, const std::string& target)> before_step;
  };
  static std::unique_ptr<MountExchanger> New(Options options);
  virtual ~MountExchanger() = default;

  // What an exchange replaced; see Restore.
  struct Former {
    bool changed = false;  // false: the target showed the source already
    Fd mount;              // attached nowhere; none: nothing was there
  };
  // Shows the directory or file that is open as `source` (O_PATH) at `target`, which exists and is
  // of the same kind. On error the target shows what it showed. More than one mount of ours at the
  // target (an agent was killed in the middle), or a foreign one over ours, is cleared away first:
  // that is not taken back. Errors: PERMISSION_DENIED; UNIMPLEMENTED: this kernel cannot do it in
  // the way asked for; FAILED_PRECONDITION: something is in the way.
  virtual absl::StatusOr<Former> Exchange(int source, const std::string& target,
                                          bool read_only) = 0;
  // Takes an exchange back, in one step. Where nothing was there before, the mount is taken away.
  virtual absl::Status Restore(Former former, const std::string& target) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_EXCHANGE_H_

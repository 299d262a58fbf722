#ifndef GITOPS_EXAMPLES_HOOKS_FILES_H_
#define GITOPS_EXAMPLES_HOOKS_FILES_H_

#include <string>

#include "examples/hooks/hook.h"

namespace gitops::examples {

// Hooks whose state is files, so that people and other tools see and change it with what they have.

// A file of the host's name in `directory` while it is in maintenance: made at pre- points, removed
// at post-healthchecks when all is well. A monitoring system looks whether it is there.
Hook MaintenanceHook(std::string directory);

// Leaves out the hosts that `file` names, one a line ('#' begins a comment). It is read each time.
Hook SkipListHook(std::string file);

// A lock a host, as a file of its name in `directory` that holds the deployment's id: taken at pre-
// points (ABORTED where another has it), given back at post- points. Taking one's own again is
// fine, so that a repeated request does no harm.
Hook LockHook(std::string directory);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_FILES_H_

#ifndef GITOPS_EXAMPLES_HOOKS_FILES_H_
#define GITOPS_EXAMPLES_HOOKS_FILES_H_

#include <string>

#include "examples/hooks/hook.h"

namespace gitops::examples {

// Hooks that keep their state in files, so that people and other tools can see and change it.

// Marks a host as in maintenance by a file of its name in `directory`: created at pre- points,
// removed at post-healthchecks if the result is ok. A monitoring system checks for the file.
Hook MaintenanceHook(std::string directory);

// Leaves out the hosts that `file` names, one per line ('#' begins a comment). Reads it on each
// call.
Hook SkipListHook(std::string file);

// A lock per host: a file of its name in `directory` with the deployment's id. Taken at pre- points
// (ABORTED: another deployment has it), released at post- points. A deployment may take its own
// lock again, so that a repeated request does no harm.
Hook LockHook(std::string directory);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_FILES_H_

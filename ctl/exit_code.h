#ifndef GITOPS_CTL_EXIT_CODE_H_
#define GITOPS_CTL_EXIT_CODE_H_

namespace gitops::ctl {

// What the process answers to its caller. Scripts depend on these numbers.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,       // it failed, or what was looked at is degraded
  kUsage = 2,        // the command line (or a variable) is wrong
  kUnreachable = 3,  // the agent cannot be reached, or does not allow it
  kTimedOut = 4,
  kInterrupted = 130,  // Ctrl-C
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_EXIT_CODE_H_

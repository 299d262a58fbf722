#ifndef GITOPS_CTL_EXIT_CODE_H_
#define GITOPS_CTL_EXIT_CODE_H_

namespace gitops::ctl {

// The exit statuses of gitopsctl. Scripts depend on these numbers.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,       // the command failed, or what it checked is degraded
  kUsage = 2,        // the command line (or a variable) is wrong
  kUnreachable = 3,  // the server cannot be reached, or does not allow the call
  kTimedOut = 4,
  kInterrupted = 130,  // Ctrl-C
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_EXIT_CODE_H_

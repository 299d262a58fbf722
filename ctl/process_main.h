#ifndef GITOPS_CTL_PROCESS_MAIN_H_
#define GITOPS_CTL_PROCESS_MAIN_H_

namespace gitops::ctl {

// Connects Run() with the process: file descriptors, terminal, environment and signals.
int ProcessMain(int argc, char** argv);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_PROCESS_MAIN_H_

#ifndef GITOPS_AGENT_GIT_INTERRUPTION_H_
#define GITOPS_AGENT_GIT_INTERRUPTION_H_

#include "common/path/fd.h"

namespace gitops {

// Ends a wait for an upstream from another thread. Thread-safe.
class Interruption {
 public:
  Interruption();

  // Until Clear(), waits end with CANCELLED. May be repeated.
  void Raise();
  void Clear();
  bool raised() const;

  // Readable while raised, for Command::cancel.
  int descriptor() const { return event_.get(); }

 private:
  const Fd event_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_INTERRUPTION_H_

#ifndef GITOPS_AGENT_GIT_INTERRUPTION_H_
#define GITOPS_AGENT_GIT_INTERRUPTION_H_

#include "common/path/fd.h"

namespace gitops {

// By which a wait for an upstream can be ended from another thread. Any thread.
class Interruption {
 public:
  Interruption();

  // Until Clear(), waits end with CANCELLED. Repeating it is harmless.
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

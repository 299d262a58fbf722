#ifndef GITOPS_CTL_CONSOLE_H_
#define GITOPS_CTL_CONSOLE_H_

#include <functional>
#include <istream>
#include <ostream>
#include <string>

#include "ctl/cli/invocation.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {

// Everything gitopsctl uses besides the network; tests pass their own.
struct Console {
  std::ostream& out;  // results
  std::ostream& err;  // progress and messages
  bool out_is_terminal = false;
  std::function<TerminalSize()> size;
  Environment environment;
  // The user that calls are made for: see UserAtHost().
  std::string user;
  std::istream* in = nullptr;  // answers and payloads; null: there is none
  bool in_is_terminal = false;
  bool err_is_terminal = false;
  std::function<TerminalSize()> err_size = nullptr;
  // Sets the message that Ctrl-C prints from now on; empty: none. May be null.
  std::function<void(const std::string&)> say_on_interrupt = nullptr;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CONSOLE_H_

#include "ctl/process_main.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ctl/client/identity.h"
#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/fd_stream.h"
#include "ctl/run.h"

namespace gitops::ctl {
namespace {

void HandleSignals() {
  // Everything printed is flushed already, so leaving at once loses nothing.
  struct sigaction interrupt {};
  interrupt.sa_handler = [](int) { _exit(kInterrupted); };
  sigaction(SIGINT, &interrupt, nullptr);
  signal(SIGPIPE, SIG_IGN);  // A failed write is seen by FdStreamBuf.
}

TerminalSize SizeOfStdout() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_row, size.ws_col};
}

std::optional<std::string> Variable(const std::string& name) {
  const char* value = getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// What cannot be written is a failure, but a reader that has read enough (`| head`) is none.
int WithOutputError(int exit_code, int error, std::ostream& err) {
  if (error == 0 || error == EPIPE) return exit_code;
  err << "gitopsctl: cannot write to standard output: " << strerror(error) << std::endl;
  return exit_code == kDone ? kFailed : exit_code;
}

}  // namespace

int ProcessMain(int argc, char** argv) {
  HandleSignals();
  FdStreamBuf out_buffer(STDOUT_FILENO);
  FdStreamBuf err_buffer(STDERR_FILENO);
  std::ostream out(&out_buffer);
  std::ostream err(&err_buffer);
  Console console{out, err, isatty(STDOUT_FILENO) == 1, SizeOfStdout, Variable, UserAtHost()};
  const int exit_code = Run(std::vector<std::string>(argv + (argc > 0), argv + argc), console);
  out.flush();
  err.flush();
  return WithOutputError(exit_code, out_buffer.error(), err);
}

}  // namespace gitops::ctl

#include "ctl/process_main.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/fd_stream.h"
#include "ctl/identity.h"
#include "ctl/run.h"

namespace gitops::ctl {
namespace {

// The message of Ctrl-C. Never freed, since the handler may be reading it.
std::atomic<const std::string*> last_words = nullptr;

void HandleSignals() {
  // All output is flushed already, so exiting at once loses nothing.
  struct sigaction interrupt {};
  interrupt.sa_handler = [](int) {
    const std::string* words = last_words.load();
    if (words != nullptr) {
      [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, words->data(), words->size());
    }
    _exit(kInterrupted);
  };
  sigaction(SIGINT, &interrupt, nullptr);
  signal(SIGPIPE, SIG_IGN);  // A failed write is seen by FdStreamBuf.
}

void SayOnInterrupt(const std::string& text) {
  // On a new line: the terminal has just shown ^C.
  static auto& kept = *new std::vector<std::unique_ptr<const std::string>>;
  kept.push_back(std::make_unique<const std::string>("\n" + text + "\n"));
  last_words = text.empty() ? nullptr : kept.back().get();
}

TerminalSize SizeOf(int terminal) {
  winsize size{};
  if (ioctl(terminal, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_row, size.ws_col};
}

std::optional<std::string> Variable(const std::string& name) {
  const char* value = getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// Output that cannot be written is a failure, unless the reader closed the pipe (`| head`).
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
  Console console{
      out,      err,         isatty(STDOUT_FILENO) == 1, [] { return SizeOf(STDOUT_FILENO); },
      Variable, UserAtHost()};
  console.in = &std::cin;
  console.in_is_terminal = isatty(STDIN_FILENO) == 1;
  console.err_is_terminal = isatty(STDERR_FILENO) == 1;
  console.err_size = [] { return SizeOf(STDERR_FILENO); };
  console.say_on_interrupt = SayOnInterrupt;
  const int exit_code = Run(std::vector<std::string>(argv + (argc > 0), argv + argc), console);
  out.flush();
  err.flush();
  return WithOutputError(exit_code, out_buffer.error(), err);
}

}  // namespace gitops::ctl

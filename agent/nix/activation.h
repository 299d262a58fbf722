#ifndef GITOPS_AGENT_NIX_ACTIVATION_H_
#define GITOPS_AGENT_NIX_ACTIVATION_H_

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/process/process.h"

namespace gitops {

// One run of a program of a profile.
struct ProfileProgram {
  std::string service;  // for the log
  std::string profile;  // PROFILE/bin/NAME is run, with "/" as its directory
  std::string name = "activate";
  absl::Duration timeout = absl::Minutes(10);
  // Of the program, and of what it starts: see NixHost. PATH defaults to where programs of Nix and
  // of the host are.
  std::vector<std::pair<std::string, std::string>> environment;
  // Its standard output and error, of the last run only; mode 0600, made with its directory if
  // needed. Daemons that the program leaves behind go on writing to it.
  std::string output_file;
};

// Runs the program and waits for its end; its output goes to the log as it comes, up to a limit of
// lines. What it leaves running after exit status 0 is left alone. FAILED_PRECONDITION: there is no
// such program, it may not be executed, or it failed; DEADLINE_EXCEEDED: it was killed at its time
// limit, with its process group; CANCELLED: killed because `stop` was requested or this program
// stops; by errno: the output file cannot be written. The message names the program and has the
// last lines of its output.
absl::Status RunProfileProgram(ProcessRunner& runner, const ProfileProgram& program,
                               std::stop_token stop);

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_ACTIVATION_H_

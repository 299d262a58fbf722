#ifndef GITOPS_CTL_CLI_CANDIDATES_H_
#define GITOPS_CTL_CLI_CANDIDATES_H_

#include <string>
#include <vector>

namespace gitops::ctl {

// What may stand where a command line is being completed.
struct Candidates {
  std::vector<std::string> words;
  // Besides those, names that only the agent at `host` ("web1:8004") knows (its services, the
  // revisions of `service`), or where `host` is empty the planner (services, hosts, deployments).
  enum class Names { kNone, kServices, kRevisions, kHosts, kDeployments } names = Names::kNone;
  std::string host;
  std::string service;
  // As the line names it; empty: it does not.
  std::string planner;
  // Stands before each name: "@" where an @HOST is being written, "--on=" before the value of --on.
  std::string prefix;
};

// `words` is the line without the program's name, up to the cursor; the last one is incomplete and
// may be empty. Candidates all begin with it. Empty where nothing is known.
Candidates FindCandidates(const std::vector<std::string>& words);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_CANDIDATES_H_

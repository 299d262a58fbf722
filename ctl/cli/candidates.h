#ifndef GITOPS_CTL_CLI_CANDIDATES_H_
#define GITOPS_CTL_CLI_CANDIDATES_H_

#include <string>
#include <vector>

namespace gitops::ctl {

// Possible completions of a command line.
struct Candidates {
  std::vector<std::string> words;
  // Names to add that only a server knows: the agent at `host` ("web1:8004") its services and the
  // revisions of `service`, or, if `host` is empty, the planner services, hosts and deployments.
  enum class Names {
    kNone,
    kServices,
    kRevisions,
    kHosts,
    kTags,
    kDeployments
  } names = Names::kNone;
  std::string host;
  std::string service;
  // From --planner; empty if the flag is not given.
  std::string planner;
  // Prepended to each name: "@" to complete an @HOST, "--on=" to complete the value of --on.
  std::string prefix;
};

// `words` is the line without the program's name, up to the cursor; the last one is incomplete and
// may be empty. All candidates start with it. Empty if none are known.
Candidates FindCandidates(const std::vector<std::string>& words);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_CANDIDATES_H_

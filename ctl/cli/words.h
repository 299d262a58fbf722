#ifndef GITOPS_CTL_CLI_WORDS_H_
#define GITOPS_CTL_CLI_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ctl/cli/grammar.h"

namespace gitops::ctl {

// Finds the command that the words of a command line name. `words` is not empty and has no flags
// and no @HOST.
using Words = std::vector<std::string>;

// Replaces gitopperctl's short words by the long ones.
void Lengthen(Words& words);

// INVALID_ARGUMENT if they name a command of a later version.
absl::Status RefuseUnavailable(const Words& words, bool with_host);

// The longest form whose arguments fit. If none fits, the first form that matches the start of
// `words`, for its usage text; null if no form matches. (`freeze service` may freeze a service of
// that name.) Forms for the server that the line names (an agent, or without @HOST the planner) are
// preferred: `rollback deployment 8df1 @web1` rolls back a service.
const Form* FindForm(const Words& words, bool with_host);

bool Fits(const CommandSpec& spec, size_t arguments);

// Whether `verb` has nouns.
bool TakesNoun(const std::string& verb);

// The error for words for which FindForm returned null.
absl::Status UnknownWords(const Words& words);

// What to write in place of a flag of another tool: "; it is a flag of kubectl: here write --tagged
// A,B", or "".
std::string ForeignHint(const std::string& flag);

// "; did you mean freeze?", or "".
std::string DidYouMean(const std::string& word, const Words& known);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_WORDS_H_

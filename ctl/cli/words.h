#ifndef GITOPS_CTL_CLI_WORDS_H_
#define GITOPS_CTL_CLI_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ctl/cli/grammar.h"

namespace gitops::ctl {

// Finds what the words of a command line mean. They hold no flags and no @HOST, and are not empty.
using Words = std::vector<std::string>;

// Writes gitopperctl's short words out.
void Lengthen(Words& words);

// INVALID_ARGUMENT if they name something that a later version will do.
absl::Status RefuseUnavailable(const Words& words, bool with_host);

// The longest form whose arguments fit; where none fits, the first that begins so, whose usage is
// then told; null where none begins so. (`freeze service` may freeze a service of that name.)
// Forms that ask whom the line names (an agent, or without a host the planner) go before others:
// `rollback deployment 8df1 @web1` rolls a service back.
const Form* FindForm(const Words& words, bool with_host);

bool Fits(const ActionSpec& spec, size_t arguments);

// Whether `verb` has nouns.
bool TakesNoun(const std::string& verb);

// Why FindForm found nothing.
absl::Status UnknownWords(const Words& words);

// "; did you mean freeze?", or nothing.
std::string DidYouMean(const std::string& word, const Words& known);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_WORDS_H_

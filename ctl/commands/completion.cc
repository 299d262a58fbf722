#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/text/nearest.h"
#include "ctl/commands/commands.h"

namespace gitops::ctl {
namespace {

// The scripts only hand over the words; what fits is decided by Complete(), from the grammar.

// Bash splits words at @, : and =, so the line is split here again at blanks; and it replaces only
// what stands after the last of those characters, so that much is cut from the candidates.
constexpr char kBash[] = R"sh(# gitopsctl completion for bash: eval "$(gitopsctl completion bash)"
_gitopsctl() {
  local line="${COMP_LINE:0:COMP_POINT}" words current candidate
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=("")
  current="${words[-1]}"
  local kept="${current%"${current##*[@:=]}"}"
  COMPREPLY=()
  while IFS= read -r candidate; do
    [[ $candidate == "$current"* ]] && COMPREPLY+=("${candidate#"$kept"}")
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _gitopsctl gitopsctl
)sh";

constexpr char kZsh[] = R"sh(#compdef gitopsctl
# gitopsctl completion for zsh: source <(gitopsctl completion zsh)
_gitopsctl() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- "${candidates[@]}"
}
if [ "${funcstack[1]}" = "_gitopsctl" ]; then
  _gitopsctl "$@"
else
  compdef _gitopsctl gitopsctl
fi
)sh";

constexpr char kFish[] = R"sh(# gitopsctl completion for fish: gitopsctl completion fish | source
function __gitopsctl_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  $words[1] __complete $words[2..-1] "$current" 2>/dev/null
end
complete -c gitopsctl -f -a '(__gitopsctl_complete)'
)sh";

}  // namespace

absl::StatusOr<ExitCode> Completion(const Invocation& invocation, Console& console) {
  const std::string& shell = invocation.arguments[0];
  const char* script = shell == "bash"   ? kBash
                       : shell == "zsh"  ? kZsh
                       : shell == "fish" ? kFish
                                         : nullptr;
  if (script == nullptr) {
    const std::string nearest = Nearest(shell, {"bash", "zsh", "fish"});
    return absl::InvalidArgumentError(
        absl::StrCat("there is none for ", shell, "; choose bash, zsh or fish",
                     nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
  }
  console.out << script << std::flush;
  return kDone;
}

}  // namespace gitops::ctl

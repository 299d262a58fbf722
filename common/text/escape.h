#ifndef GITOPS_COMMON_TEXT_ESCAPE_H_
#define GITOPS_COMMON_TEXT_ESCAPE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// What EscapeText keeps of text that may have several lines.
inline constexpr absl::string_view kLines = "\n\t";

// Text from outside (a file name, what a program or a server said) as it may be stored, sent and
// shown: valid UTF-8 without control characters. Each byte that is not UTF-8, or belongs to a
// control character that is not in `keep`, becomes `\xHH`, and a backslash is doubled, so that
// different texts stay different. Apply it once, where the text enters.
std::string EscapeText(absl::string_view text, absl::string_view keep = "");

// The net behind it, before text is stored or sent: protobuf cannot read back what is not UTF-8.
// UTF-8 stays as it is; anything else is escaped, but for its lines.
std::string EnsureUtf8(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_ESCAPE_H_

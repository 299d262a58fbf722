#ifndef GITOPS_CTL_OUTPUT_ESCAPE_H_
#define GITOPS_CTL_OUTPUT_ESCAPE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops::ctl {

// All text from servers is printed through these functions: a file name or a message could contain
// sequences that rewrite the screen. Control characters, characters that reorder text and invisible
// ones become
// , \t, \xNN or \u{NNNN}; bytes that are not UTF-8 become \xNN.
std::string EscapeLine(absl::string_view text);

// For serialized JSON or double-quoted YAML: what EscapeLine would escape becomes \uNNNN, except
// newlines, which are layout there.
std::string EscapeDocument(absl::string_view text);

bool IsUtf8(absl::string_view text);

// Columns on a terminal: two for a wide character, none for color sequences.
size_t DisplayWidth(absl::string_view text);
// As much of `text` as fits into `width` columns, with its escape sequences.
std::string CutToWidth(absl::string_view text, size_t width);
// The text, or, if it is wider than `width` columns, its beginning with "…" at the end.
std::string Shortened(absl::string_view text, size_t width);
// The text without its color sequences.
std::string WithoutColor(absl::string_view text);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_ESCAPE_H_

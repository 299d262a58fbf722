#ifndef GITOPS_CTL_OUTPUT_ESCAPE_H_
#define GITOPS_CTL_OUTPUT_ESCAPE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops::ctl {

// Text from an agent reaches a terminal only through these: a file name or a message could hold
// sequences that rewrite the screen. Control characters, characters that reorder text and those
// that cannot be seen become \n, \t, \xNN or \u{NNNN}; bytes that are not UTF-8 become \xNN.
std::string EscapeLine(absl::string_view text);

// For finished JSON or double-quoted YAML: what EscapeLine would escape becomes \uNNNN, but
// newlines, which are layout there, stay.
std::string EscapeDocument(absl::string_view text);

bool IsUtf8(absl::string_view text);

// Columns on a terminal: two for a wide character; escape sequences for colours count as nothing.
size_t DisplayWidth(absl::string_view text);
// As much of `text` as fits into `width` columns, with its escape sequences.
std::string CutToWidth(absl::string_view text, size_t width);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_ESCAPE_H_

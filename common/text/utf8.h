#ifndef GITOPS_COMMON_TEXT_UTF8_H_
#define GITOPS_COMMON_TEXT_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// The length in bytes of the UTF-8 sequence at the start of `text`; 0 if there is none. Overlong
// forms, surrogates and code points beyond U+10FFFF are invalid.
size_t Utf8SequenceLength(absl::string_view text);

bool IsValidUtf8(absl::string_view text);

// The start of `text`, at most `limit` bytes, cut between two characters, with U+FFFD for each
// invalid byte. protobuf cannot read back a string that is not UTF-8.
std::string ValidUtf8(absl::string_view text, size_t limit);

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_UTF8_H_

#ifndef GITOPS_COMMON_TEXT_UTF8_H_
#define GITOPS_COMMON_TEXT_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// The bytes of the UTF-8 sequence that `text` begins with; 0 if it begins with none. Overlong
// forms, surrogates and what lies beyond U+10FFFF are none.
size_t Utf8SequenceLength(absl::string_view text);

bool IsValidUtf8(absl::string_view text);

// The beginning of `text`, at most `limit` bytes, cut between two characters, with U+FFFD for each
// byte that is not UTF-8. protobuf cannot read back a string that is not UTF-8.
std::string ValidUtf8(absl::string_view text, size_t limit);

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_UTF8_H_

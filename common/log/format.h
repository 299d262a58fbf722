#ifndef GITOPS_COMMON_LOG_FORMAT_H_
#define GITOPS_COMMON_LOG_FORMAT_H_

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/log/log.h"

namespace gitops {

// The lines that Log() writes, without the newline. Logged text may be untrusted: a line always
// stays one line, and has no terminal escape sequences.

// `2026-11-22T18:58:00.123Z INFO message key=value key="with space"`. Control characters and
// invalid UTF-8 become
// , \t, \r or \xNN.
std::string FormatTextLine(absl::Time time, LogLevel level, absl::string_view message,
                           std::initializer_list<LogField> fields);

// One JSON object: time, level, message, then the fields, all as strings. Invalid UTF-8 becomes
// U+FFFD.
std::string FormatJsonLine(absl::Time time, LogLevel level, absl::string_view message,
                           std::initializer_list<LogField> fields);

}  // namespace gitops

#endif  // GITOPS_COMMON_LOG_FORMAT_H_

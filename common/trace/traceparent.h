#ifndef GITOPS_COMMON_TRACE_TRACEPARENT_H_
#define GITOPS_COMMON_TRACE_TRACEPARENT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// W3C Trace Context, version 00: "00-TRACE-SPAN-FLAGS" in lower-case hex. Thread-safe.

// The name of the HTTP header and of the gRPC metadata.
inline constexpr char kTraceparent[] = "traceparent";

// Whether `text` is valid: neither trace nor span is all zeros.
bool IsTraceparent(absl::string_view text);
// A new trace, sampled.
std::string NewTraceparent();
// `text` if it is valid, else a new one.
std::string TraceparentOrNew(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_TRACE_TRACEPARENT_H_

#ifndef GITOPS_CTL_CLI_FLAG_READER_H_
#define GITOPS_CTL_CLI_FLAG_READER_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ctl/cli/raw_flags.h"

namespace gitops::ctl {

// "90d", or a duration as elsewhere. INVALID_ARGUMENT.
absl::StatusOr<absl::Duration> ParseWithDays(absl::string_view text);

// Reads and checks values of a command line by the flag's long name. If a flag was not given, its
// target is unchanged. INVALID_ARGUMENT names the flag or variable, the value, and what is
// expected. `line` must outlive the reader.
class FlagReader {
 public:
  explicit FlagReader(const RawCommandLine& line) : line_(line) {}

  std::string Text(const std::string& name) const;
  absl::Status Bool(const std::string& name, bool& target) const;
  // Greater than zero.
  absl::Status Duration(const std::string& name, std::optional<absl::Duration>& target) const;
  // Calls `set` with the message to fill in.
  absl::Status Duration(const std::string& name,
                        const std::function<google::protobuf::Duration*()>& set) const;
  // At least `least`.
  absl::Status Count(const std::string& name, int least, const std::function<void(int)>& set) const;
  // "10" or "25%", at least `least`.
  absl::Status Amount(const std::string& name, int least,
                      const std::function<void(const std::string&)>& set) const;
  // Calls `add` for every value.
  void Words(const std::string& name, const std::function<void(const std::string&)>& add) const;
  // The same, with each value split at commas; no part may be empty.
  absl::Status List(const std::string& name,
                    const std::function<void(const std::string&)>& add) const;
  // RFC 3339, or an age: "2026-11-22T10:00:00Z", "2h".
  absl::Status Time(const std::string& name,
                    const std::function<google::protobuf::Timestamp*()>& set) const;
  // Calls `add` with the index of each value in the flag's choices.
  absl::Status Choices(const std::string& name, const std::function<void(int)>& add) const;
  // The index of the last value in the flag's choices.
  absl::Status Choice(const std::string& name, std::optional<int>& place) const;

  // The same, as an enum whose values are in the order of the choices.
  template <typename Enum>
  absl::Status Choice(const std::string& name, Enum& target) const {
    std::optional<int> place;
    absl::Status status = Choice(name, place);
    if (place.has_value()) target = static_cast<Enum>(*place);
    return status;
  }

 private:
  const RawCommandLine::Value* Find(const std::string& name) const;

  const RawCommandLine& line_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_FLAG_READER_H_

#include "common/json/json_guard.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

using nlohmann::json;

// Receives the events of nlohmann's parser, which keeps no stack but one bit per level, and stops
// it (by returning false) at the first error.
class Guard : public nlohmann::json_sax<json> {
 public:
  const absl::Status& status() const { return status_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

  bool start_object(size_t) override { return Descend(); }
  bool end_object() override { return Ascend(); }
  bool start_array(size_t) override { return Descend(); }
  bool end_array() override { return Ascend(); }

  bool key(string_t& key) override {
    if (keys_.back().insert(key).second) return true;
    constexpr size_t kMaxShown = 60;
    return Fail(absl::StrCat("the key \"", absl::Utf8SafeCHexEscape(ValidUtf8(key, kMaxShown)),
                             "\" is repeated in one object"));
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOverflow = 406;
    if (error.id == kNumberOverflow) return Fail("a number is too large");
    return Fail(absl::StrCat("it is not JSON: error at byte ", position));
  }

 private:
  bool Descend() {
    keys_.emplace_back();
    if (keys_.size() <= kDeepestJson) return true;
    return Fail(absl::StrCat("it is nested deeper than ", kDeepestJson));
  }
  bool Ascend() {
    keys_.pop_back();
    return true;
  }
  bool Fail(absl::string_view why) {
    status_ = absl::InvalidArgumentError(why);
    return false;
  }

  absl::Status status_;
  // The keys of each open object or array.
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

absl::Status CheckJson(absl::string_view text) {
  // The parser would skip it; other parsers need not accept it (RFC 8259).
  if (absl::StartsWith(text, "\xef\xbb\xbf")) {
    return absl::InvalidArgumentError("it is not JSON: it starts with a byte-order mark");
  }
  // Checked first: the parser would report an error of the string that contains it.
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError("it is not UTF-8");
  Guard guard;
  json::sax_parse(text.begin(), text.end(), &guard);
  return guard.status();
}

}  // namespace gitops

"""Parts of `assert_agree`: functions of any framework, their condition, and what their differences look like."""

module github.com/prestop/prestop/e2e

go 1.26.0

require golang.org/x/sys v0.49.0

replace github.com/prestop/prestop => ../

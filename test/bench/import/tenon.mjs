// Everything that the package's main entry loads.
import 'tenon'
